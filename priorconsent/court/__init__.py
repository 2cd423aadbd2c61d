"""What a court needs: the bundle of evidence for one grant, its verification, and that of a whole log.

``container`` is the archive, ``bundle`` what lies in it, ``gather`` what a registry puts there, ``papers``
the files for people, ``verify`` the procedure with its steps in ``log_steps``, ``consent_steps`` and
``asked``, ``report`` its outcome, ``fsck`` the same scepticism for everything that a registry published.
"""
