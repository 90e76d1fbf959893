"""Programs: lists of operations that train, infer, and take losses and gradients, and the threads that run them."""
