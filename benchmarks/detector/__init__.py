"""How good `evals.detector` is: on the labelled set, on another project's disguises, on people who have no secrets."""
