"""The world on one machine: a chat, a forge, a cluster, a registry and a page, to try Callboard and to test it."""
