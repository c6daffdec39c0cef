"""The vocabulary of Callboard, as frozen data.

Every other module speaks in these types.  They hold no behaviour beyond what follows from their own fields, do no I/O
and never change once made.  Slack, MLflow, GitHub and Kubernetes have names of their own for these things; the clients
translate at the border.
"""
