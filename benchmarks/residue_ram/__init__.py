"""What is left of a brief in the whole RAM of a machine, measured in a guest whose RAM is memory of ours."""
