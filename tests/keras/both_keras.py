"""What compare_files.py and compare_zoo.py share: a program of Manul and one or two versions of Keras take turns at the files of a folder."""
import argparse
import os
import subprocess
import tempfile


class Turns:
    """Whose turn it is: the program's, or that of an interpreter with Keras, which runs the script again."""

    def __init__(self, script, program, keras2, keras3):
        self.script, self.program = script, program
        self.pythons = list(filter(None, (keras2, keras3)))
        self.environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", TF_ENABLE_ONEDNN_OPTS="0")
        self.well = bool(self.pythons)

    def manul(self, *arguments):
        self.well = subprocess.run([self.program, *arguments]).returncode == 0 and self.well

    def keras(self, python, *arguments):
        self.well = subprocess.run([python, self.script, *arguments], env=self.environment).returncode == 0 and self.well

    def folder(self):
        return tempfile.TemporaryDirectory()


def main(script, text, program, tasks, compare, names=None):
    """The exit code. `tasks`, what the Keras of this interpreter is asked for: {option: (help, function of its value and the names)}.
    `compare`, if none of them is asked for: function of Turns and the names."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--" + program[0], help="the program " + program[1])
    parser.add_argument("--keras2", help="an interpreter with tf.keras 2.15")
    parser.add_argument("--keras3", help="an interpreter with Keras 3")
    for option, (help_text, _) in tasks.items():
        parser.add_argument("--" + option, help=help_text + ", by the Keras of this interpreter")
    if names:
        parser.add_argument("names", nargs="*", metavar="NAME", help="of these alone: " + ", ".join(names))
    arguments = vars(parser.parse_args())
    chosen = arguments.get("names") or names
    for option, (_, function) in tasks.items():
        if arguments[option]:
            return function(arguments[option], chosen) or 0
    turns = Turns(script, arguments[program[0]], arguments["keras2"], arguments["keras3"])
    compare(turns, chosen)
    return 0 if turns.well else 1
