"""The end of a training that has stopped getting better."""


class EarlyStopping:
    """Ends the training when `patience` epochs in a row were not better. It needs BestWeights before it in the list."""

    def __init__(self, patience):
        if not patience >= 1:
            raise ValueError(f"EarlyStopping: expected patience >= 1, got {patience}")
        self.patience = patience

    def on_train_begin(self, trainer):
        if "val_acc" not in trainer.history:
            raise ValueError("EarlyStopping: expected BestWeights(x, t) before it in the list of callbacks")

    def on_epoch_end(self, trainer):
        accuracies = trainer.history["val_acc"]
        if len(accuracies) - accuracies.index(max(accuracies)) > self.patience:
            trainer.stop_training = True
            if trainer.verbose:
                print(f"no better val acc for {self.patience} epochs: the training ends")
