"""The one way to train: everything that trains goes through `trainer.Trainer`."""
