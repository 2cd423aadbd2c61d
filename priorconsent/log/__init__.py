"""The transparency log: RFC 9162 trees in the text and file formats of C2SP.

``tree`` hashes and proves, ``tiles`` lays the tree out as files, ``note`` signs text,
``checkpoint`` is the signed head of a log, ``proof`` carries one inclusion, ``policy`` says
whose checkpoints count.
"""
