"""Programs: lists of operations for training, inference, losses and gradients, and the threads that run them."""
