"""Conversions that come out wrong, or do not load, by themselves."""


def sections():
    return []
