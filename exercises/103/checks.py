"""Exercise 103: the memory of a model's parameters, in units told apart; BERT counted; networks beside animals.

The functions are judged on numbers picked at grading time. The three models may be counted to the last parameter, or
taken as the rounded numbers of papers and model cards: these numbers, not everything that lies between them. What was
counted with the student's own function, or computed from the student's own `bert_large`, is right: an error costs once.
"""

from __future__ import annotations

from grader.checks import (
    Run,
    called,
    check,
    expect,
    expect_call,
    expect_close,
    expect_count,
    expect_keys,
    expect_number,
    expect_word,
    hint_for,
    tr,
)

from . import animals, bert, memory, modules


@check(points=2)
def memory_in_bytes_is_right(run: Run) -> None:
    """`memory` gives the bytes of `float32`, `float16` and `int8` parameters."""
    memory.expect_memory(run, "B", "float32", "float16", "int8")


@check(points=1, needs=memory_in_bytes_is_right)
def other_types_are_known(run: Run) -> None:
    """`memory` knows `bfloat16` and `float64` too."""
    memory.expect_memory(run, "B", "bfloat16", "float64")


@check(points=1, needs=memory_in_bytes_is_right)
def decimal_units_are_right(run: Run) -> None:
    """`memory` is right in MB and GB."""
    memory.expect_memory(run, "MB", "float32", "int8")
    memory.expect_memory(run, "GB", "float16", "float32")


@check(points=1, needs=memory_in_bytes_is_right)
def binary_units_are_right(run: Run) -> None:
    """`memory` is right in MiB and GiB."""
    memory.expect_memory(run, "MiB", "float32", "int8")
    memory.expect_memory(run, "GiB", "float16", "float32")


@check(points=2)
def layers_of_bert_are_counted(run: Run) -> None:
    """`bert_parameters` grows with each layer by that layer's parameters."""
    for layers, hidden in [bert.some_sizes(run) for _ in range(3)]:
        grown = bert.count_of(run, layers + 1, hidden) - bert.count_of(run, layers, hidden)
        what = f"`bert_parameters({layers + 1}, {hidden}) - bert_parameters({layers}, {hidden})`"
        hint = bert.NO_BIASES if grown == 12 * hidden**2 else bert.ROW_BY_ROW
        expect_count(grown, bert.layer(hidden), what, hint)


@check(points=1, needs=layers_of_bert_are_counted, hint=bert.ROW_BY_ROW)
def bert_is_counted_as_a_whole(run: Run) -> None:
    """`bert_parameters` counts what comes before and after the layers."""
    for layers, hidden in [(12, 768), *(bert.some_sizes(run) for _ in range(3))]:
        expect_call(run, "bert_parameters", [layers, hidden], bert.parameters(layers, hidden))


@check(points=1, hint=tr("It has more layers than BERT base and a larger hidden size: look both up."))
def bert_large_is_right(run: Run) -> None:
    """`bert_large` is the number of parameters of BERT Large."""
    found = expect_number(run.value("bert_large"), "`bert_large`")
    message = tr("`bert_large` is {found:,}, which is not right.", found=round(found))
    expect(not bert.is_near(found, bert.LARGE / 1e6), message, tr("Those are the millions: write the whole number."))
    near = tr("That is near, but no paper and no model card says so: look the number up again, or count it.")
    expect(bert.is_large(run, found), message, near if bert.is_near(found, bert.LARGE) else "")


@check(points=2, hint=tr("A row for each model, a column for each type, and everything in MB."))
def table_is_right(run: Run) -> None:
    """`table` holds the memory of the three models in `float32`, `float16` and `int8`."""
    found = bert.table_of(run)
    usual = {bert.TURNED: bert.TABLE.T, memory.OTHER_UNIT: bert.TABLE * 1e6 / 1024**2}
    expect_close(found, bert.TABLE, "`table`", rtol=bert.NEAR, hint=hint_for(found, usual, rtol=bert.NEAR))
    bert.expect_rows(run, found)


@check(points=1, hint=memory.OTHER_UNIT)
def base_in_mib_is_right(run: Run) -> None:
    """`base_in_mib` is the memory of BERT base in `float32`, in MiB."""
    known = (memory.memory(n, "float32", "MiB") for n in bert.bases(run))
    hint = tr("Take the number of parameters times 4 bytes, and divide by the bytes of a MiB.")
    bert.expect_one_of(run, "base_in_mib", known, off=0.51, near=bert.NEAR, hint=hint)


@check(points=1, hint=tr("Divide the one's memory by the other's: with the same type, the ratio of parameters."))
def large_to_base_is_right(run: Run) -> None:
    """`large_to_base` is how many times the memory of BERT base BERT Large takes."""
    hint = tr("Near, but not near enough: give it with two decimals, or as the computer gives it.")
    bert.expect_one_of(run, "large_to_base", bert.ratios(run), off=0.0051, near=0.025, hint=hint)


@check(points=2)
def parameters_of_modules_are_measured(run: Run) -> None:
    """`module_memory` gives the bytes of a module's parameters, frozen ones too."""
    for module, right, hint in modules.with_parameters(run):
        modules.expect_memory(run, module, right, hint)


@check(points=1, needs=parameters_of_modules_are_measured)
def buffers_of_modules_are_measured(run: Run) -> None:
    """`module_memory` counts buffers, each with the bytes of its own type."""
    for module, right, hint in modules.with_buffers(run):
        modules.expect_memory(run, module, right, hint)


@check(points=2, hint=tr("Weights, and `extra` of them on top, in bytes; then the card: 1 GiB is 1024³ bytes."))
def what_fits_is_right(run: Run) -> None:
    """`fits` tells whether a model and what comes on top of its weights fit into so many GiB."""
    for arguments, fits in memory.cards(run):
        what = called("fits", *arguments)
        found = expect_number(run.call("fits", *arguments), what)
        expect(found in (0, 1), tr("{what} is {found:g}, neither True nor False.", what=what, found=found))
        expect(found == fits, tr("{what} is {found}.", what=what, found=bool(found)))


@check(points=1, hint=tr("Which of the two joins two units, stronger or weaker? What stands there in a network?"))
def parameters_compare_to_the_right_thing(run: Run) -> None:
    """`compares_to` says what the number of parameters compares to."""
    expect_word(run, "compares_to")


@check(points=2, hint=tr("Compare ratios, not differences: take logarithms, then find the smallest distance."))
def closest_animal_is_found(run: Run) -> None:
    """`closest_animal` gives the animal with the smallest ratio to the number of parameters."""
    for parameters, counts in animals.some(run):
        found = run.call("closest_animal", parameters, counts)
        animals.expect_closest(found, parameters, counts, called("closest_animal", parameters, counts))


@check(points=1, hint=tr("Compare each model with the number that a parameter compares to, by the ratio."))
def model_animals_are_right(run: Run) -> None:
    """`model_animals` holds the closest animal for each of the five networks."""
    hint = tr("It has an animal for each model.")
    found = expect_keys(run.value("model_animals"), animals.MODELS, "model_animals", hint)
    for name, parameters in animals.MODELS.items():
        animals.expect_closest(found[name], parameters, animals.SYNAPSES, f'`model_animals["{name}"]`')
