"""A simulated environment on one machine, to try and to test Callboard: chat, forge, cluster, registry and a page."""
