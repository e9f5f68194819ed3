"""The drawn scene of the dataset `synthetic`."""
