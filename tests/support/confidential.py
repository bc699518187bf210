"""What no log may hold: tokens, names and addresses the tests of this process have used."""

_noted = set()


def note(text):
    """Remembers and returns the text. Short or common texts would be found by accident."""
    assert len(text) >= 6
    _noted.add(text)
    return text


def found_in(text):
    return sorted(secret for secret in _noted if secret in text)
