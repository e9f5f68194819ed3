"""Methods that learn from labels of whole videos."""
