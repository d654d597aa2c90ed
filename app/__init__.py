"""The faces of negotiation-box: the `negbox` command."""
