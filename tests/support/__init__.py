"""What the tests that need a running server share. Must not know any single test."""
