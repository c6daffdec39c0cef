"""What people and systems send, read strictly: commands, dates, payloads, signatures."""
