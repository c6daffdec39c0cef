"""Everything that receives requests: the public listener, the internal one, Socket Mode."""
