"""The walls around a process: how one is started apart from everything, and how it closes itself.

    interface    what any kind of wall offers: `Isolation`, `Room`, `Child`, `Level`
    ladder       the kinds that a machine can build, strongest first: `available`, `choose`, `build`
    bwrap, landlock, none
    descent      a user of its own for a child that root starts; `way` says whether it would get to its files
    harden       what a child does to itself once it has loaded all that it needs: `harden`

Nothing is imported here: what a box imports it also has to hold.
"""
