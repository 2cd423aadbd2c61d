"""Following a registry round by round: what is false in it, and what concerns whoever watches.

``rounds`` is the procedure; read it first. ``interests`` says whom an event concerns, ``reports`` what is told,
``memory`` what is kept between rounds, ``webhook`` how others hear of it.
"""
