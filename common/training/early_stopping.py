"""The end of a training that has stopped getting better."""
from common.training.best_weights import need_val_acc


class EarlyStopping:
    """Ends the training when `patience` epochs in a row were not better on the validation examples."""

    def __init__(self, patience):
        if not patience >= 1:
            raise ValueError(f"EarlyStopping: expected patience >= 1, got {patience}")
        self.patience = patience

    def on_train_begin(self, trainer):
        need_val_acc(self, trainer)

    def on_epoch_end(self, trainer):
        trainer.stop_training |= self._epochs_since_best(trainer) >= self.patience

    def on_train_end(self, trainer):
        if trainer.verbose and self._epochs_since_best(trainer) >= self.patience:
            print(f"stopped: {self.patience} epochs without a better val acc")

    def _epochs_since_best(self, trainer):
        scores = trainer.history["val_acc"]
        return len(scores) - 1 - scores.index(max(scores)) if scores else 0

    def __repr__(self):
        return f"EarlyStopping({self.patience})"
