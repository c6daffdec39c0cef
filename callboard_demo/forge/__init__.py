"""A fake GitHub for one repository, over a real git repository, that PyGithub uses unmodified.

It has REST as in GitHub's OpenAPI description, real three-way merges, pull requests that follow their branches, signed
webhooks, a page per pull request, and `git clone`.  It does not model GitHub's timing: every read is consistent.
"""

from callboard_demo.forge.forge import Forge

__all__ = ["Forge"]
