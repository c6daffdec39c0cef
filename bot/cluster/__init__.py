"""The cluster as it was last seen: watches, and the cache of objects that they fill."""
