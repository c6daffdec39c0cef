"""A fake GitHub for one repository, over a real git repository, that PyGithub uses unmodified.

REST as in GitHub's OpenAPI description, real three-way merges, pull requests that follow their branches, signed
webhooks, a page per pull request, `git clone`.  It is not a model of GitHub's timing: answers are consistent at once.
"""

from callboard_demo.forge.forge import Forge

__all__ = ["Forge"]
