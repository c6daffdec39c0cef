"""A phrase as a sentence."""


def capital(text: str) -> str:
    """Return a phrase that begins like a sentence."""
    return text[:1].upper() + text[1:]


def full_stop(text: str) -> str:
    """Return a phrase that ends like a sentence."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
