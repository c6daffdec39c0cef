"""A Kubernetes cluster of one node: API server, controllers, and a kubelet that runs each pod as a real process.

It speaks the real protocol, so kubectl and the official client use it unmodified.  Each module's docstring says what it
leaves out.
"""

from callboard_demo.cluster.cluster import Cluster
from callboard_demo.cluster.runtime import ProcessRuntime, Runtime

__all__ = ["Cluster", "ProcessRuntime", "Runtime"]
