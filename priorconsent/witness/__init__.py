"""Witnesses: they see that a log only ever grows, and say so under their own keys.

``witness`` decides, ``state`` remembers, ``server`` speaks HTTP, ``config`` is the folder that all of it lies in;
``asking`` is the other side, for logs and for whoever wants to know what a witness has seen.

Source: C2SP tlog-witness.
"""
