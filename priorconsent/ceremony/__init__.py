"""A ceremony: several people, each with a root key of their own, sign the next keyset of a registry offline.

``plan`` is what they agreed on, ``rules`` what a keyset must hold to before anybody signs it, ``telling`` what they
read before they sign, ``finishing`` how their signatures become the keyset, and a transcript for the archive.
"""
