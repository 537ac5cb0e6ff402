"""Trained parameters: how the training scripts leave them, and how those that look at a net find them."""
import sys
from pathlib import Path

from common.figures.plot import show, training_curves
from common.script import end
from common.training.result import accuracy_of, save_best

HERE = Path(__file__).resolve().parent


def finish(trainer, args, script, params, remark=None):
    """The end of a training script: saves the parameters, draws the curves, says how good the net is.

    Parameters
    ----------
    trainer : Trainer, after its training
    args : from `training_options`, with a dataset
    script : the script's own `__file__`
    params : name of the file of parameters; one that reads more of the test images right is not replaced
    remark : for the last line; "after epoch 6" if left out
    """
    network, accuracy = trainer.network, trainer.final_accuracy()
    path = save_best(network, args.dataset.own(HERE / params), trainer.x_test, trainer.t_test, accuracy)
    training_curves(trainer, title=f"{type(network).__name__} on {args.dataset.title}")
    show(args.dataset.own(script).stem)
    in_epoch = trainer.current_iter % trainer.steps_per_epoch and f"after step {trainer.current_iter}"     # Ctrl-C
    print(f"{type(network).__name__}: {accuracy:.4f} of {len(trainer.x_test):,} test images right, "
          f"{remark or in_epoch or f'after epoch {trainer.current_epoch}'}; parameters in {path}")
    end(trainer.exit_code)


def load_trained(network, own, provided, script):
    """Load parameters into `network` and say whose and how good they are; without any, end with exit code 2.

    Parameters
    ----------
    own : name of the file that `script` leaves in this folder
    provided : name of the file in `trained/`, used where there is no `own`, or a poor one from a quick trial
    script : name of the script that trains such a net
    """
    provided = HERE / "trained" / provided
    for whose, path in (("your own", HERE / own), ("the project's", provided)):
        if path.exists():
            known = accuracy_of(path)
            words = "{:.4f} of {:,} test images right".format(*known) if known else "nobody has said how good they are"
            print(f"Parameters: {whose}, {path}: {words}")
            if path != provided and known and known[0] < 0.9 and provided.exists():
                print(f"They are no good yet, so the project's are used. Train longer: python {script}")
                continue
            try:
                return network.load_params(path)
            except ValueError as error:
                print(f"{error}\nRemove the file, or train again: python {script}", file=sys.stderr)
                end(2)
    print(f"There are no trained parameters yet. First run: python {HERE / script}", file=sys.stderr)
    end(2)
