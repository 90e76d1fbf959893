"""Training: networks and estimators all train with `trainer.Trainer`."""
