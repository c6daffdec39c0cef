"""Whether and how a promotion goes on: lifecycle, gates, freezes, takeover, comparison."""
