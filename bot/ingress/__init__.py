"""What comes in from outside: the public listener, the internal one, Socket Mode."""
