"""The network as a scikit-learn estimator: what it is given is checked, what its parameters ask for is built."""
