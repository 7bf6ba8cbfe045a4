"""Notebooks written as text: scripts with cells, Markdown, MyST, R Markdown and Quarto."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from grader.formats.cell import MAX_TEXT
from grader.formats.notebook import cells, instead, is_notebook
from grader.reading import Unreadable

PERCENT = """# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     name: python3
# ---

# %% [markdown]
# # Title
#
# text

# %% id="imports"
import numpy as np
# %matplotlib inline

# %% A title
def f():
    return 3

# !ls

# %% [raw]
# nothing
"""
IN_VS_CODE = """#%%
x = 1
#%% [markdown]
# text
#%%
y = 2
"""
IN_JUPYTER = '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": "x = 1"}]}'
OF_NBCONVERT = """#!/usr/bin/env python
# coding: utf-8

# In[1]:


x = 1


# In[ ]:


y = 2
"""
LIGHT = """# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: light
# ---

# text

x = 1

# +
y = 2

z = 3
# -
"""
MARKDOWN = """---
jupyter:
  jupytext:
    text_representation:
      extension: .md
      format_name: markdown
---
# Title

```python id="first"
x = 1
```

```bash
rm -r /
```

```
nothing
```

````python
y = 2
````

```python .noeval
z = 3
```
"""
MYST = """---
jupytext:
  formats: md:myst
kernelspec: {name: python3}
---
# Title
```{code-cell} ipython3
:tags: [hide-input]
:name: first

x = 1
```
+++ {"a": 1}
```{note}
a note
```
```{code-cell}
---
tags: [skip-execution]
---
z = 3
```
~~~{code-cell} python
y = 2
~~~
"""
QUARTO = """---
title: A notebook
jupyter: python3
---

# Title

```{python}
#| label: first
#| echo: false
x = 1
```

```{python, eval=FALSE}
z = 3
```

```{python}
#| eval: false
z = 4
```

```{r}
z <- 5
```

```bash
rm -r /
```

- in a list

  ```{python}
  y = 2
  ```
"""
RMARKDOWN = """---
title: "R Markdown"
output: html_document
---

```{r setup, include=FALSE}
library(reticulate)
```

```{python first, echo=FALSE}
x = 1
```

```{python eval = F}
z = 3
```

Text with `r 1 + 1`.

```{python}
y = 2
```
"""


def code(text: str, name: str) -> list[tuple[str, str, int]]:
    return [(one.source, one.id, one.line) for one in cells(text.encode(), name) if one.kind == "code"]


@pytest.mark.parametrize(
    ("text", "name", "read"),
    [
        (
            PERCENT,
            "a.py",
            [
                ("import numpy as np\n%matplotlib inline", "imports", 17),
                ("def f():\n    return 3\n\n!ls", "cell-3", 21),
            ],
        ),
        (IN_VS_CODE, "a.py", [("x = 1", "cell-1", 2), ("y = 2", "cell-3", 6)]),
        (
            OF_NBCONVERT,
            "a.py",
            [("x = 1", "cell-1", 7), ("y = 2", "cell-2", 13)],
        ),
        (LIGHT, "a.py", [("x = 1", "cell-2", 11), ("y = 2\n\nz = 3", "cell-3", 14)]),
        (MARKDOWN, "a.md", [("x = 1", "first", 11), ("y = 2", "cell-4", 23)]),
        (MYST, "a.md", [("x = 1", "first", 11), ("y = 2", "cell-4", 24)]),
        (QUARTO, "a.qmd", [("#| label: first\n#| echo: false\nx = 1", "first", 9), ("y = 2", "cell-4", 34)]),
        (RMARKDOWN, "a.Rmd", [("x = 1", "first", 11), ("y = 2", "cell-4", 21)]),
    ],
    ids=["percent", "VS Code", "nbconvert", "light", "Markdown", "MyST", "Quarto", "R Markdown"],
)
def test_cells_of_each_format(text: str, name: str, read: list[tuple[str, str, int]]) -> None:
    assert code(text, name) == read
    assert is_notebook(text.encode(), name, meant=False)
    assert cells(text.replace("\n", "\r\n").encode(), name) == cells(text.encode(), name)
    assert cells(text.encode("utf-16"), name) == cells(text.encode(), name)
    lines = text.split("\n")
    assert all(source.split("\n")[0].strip() == lines[line - 1].strip() for source, _, line in read)


def test_text_stays_text() -> None:
    title = next(one for one in cells(PERCENT.encode(), "a.py") if one.kind == "markdown")
    assert title.source == "# Title\n\ntext"
    for text, name in ((MARKDOWN, "a.md"), (MYST, "a.md"), (QUARTO, "a.qmd"), (RMARKDOWN, "a.rmd")):
        told = "\n".join(one.source for one in cells(text.encode(), name) if one.kind == "markdown")
        assert "z = 3" in told
        assert not any("rm -r" in source or "z" in source for source, _, _ in code(text, name))


def test_numbers_count_the_cells_that_run() -> None:
    assert [one.number for one in cells(IN_VS_CODE.encode(), "a.py")] == [1, 0, 2]
    assert [one.number for one in cells(QUARTO.encode(), "a.qmd") if one.kind == "code"] == [1, 2]


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("import torch\nx = 3\n", "a.py", "is a Python script"),
        ("x=3", "a.py", "is a Python script"),
        ("\n", "a.py", "file is empty"),
        ("# A report\n\nI did it all.\n", "a.md", "without cells of code"),
        ("# A report\n\nI did it all.\n", "a.txt", "without cells of code"),
        ("```{r}\nx <- 3\n```\n", "a.qmd", "written in R."),
        ("```{code-cell} julia\nx = 3\n```\n", "a.md", "written in Julia."),
        ("---\nexecute:\n  echo: true\n  eval: false\n---\n```{python}\nx = 3\n```\n", "a.qmd", "`eval: false`"),
        ("```{python, eval=FALSE}\nx = 3\n```\n", "a.Rmd", "no code cells"),
        ("# %% [markdown]\n# x = 3\n", "a.py", "no code cells"),
        ("# %%\nx = 3\n" * 2_001, "a.py", "2,001 cells"),
        ("```{python}\nx = 3\n```\n" * 2_001, "a.qmd", "2,001 cells"),
        ("# %%\n" + "# x\n" * (MAX_TEXT // 4), "a.py", "characters"),
        ("# %%\n" + "\n" * 30_000, "a.py", "too many parts"),
        ("%PDF-1.7\n", "a.pdf", "is a PDF"),
        ("%PDF-1.7\n", "a.txt", "is a PDF"),
        ("<!DOCTYPE html><html>", "a.html", "an export to HTML"),
        ("PK\3\4" + "\0" * 20 + "110.ipynb", "a.zip", "is an archive"),
        ("PK\3\4" + "\0" * 20 + "[Content_Types].xml", "a.docx", "of an office program"),
        ("{\\rtf1 text}", "a.rtf", "of an office program"),
        ("import marimo\napp = marimo.App()\n@app.cell\ndef _():\n    x = 1\n", "a.txt", "under another name"),
        (IN_JUPYTER, "a.py", "Give it one that ends in .ipynb."),
        (IN_JUPYTER, "a.json", "Give it one that ends in .ipynb."),
        ("```python\nx = 1\n```\n", "README.md", "not the name of the exercise's notebook"),
    ],
)
def test_what_a_file_is_that_is_no_notebook(text: str, name: str, said: str) -> None:
    assert said in instead(text.encode(), name)
    assert not is_notebook(text.encode(), name) or name.endswith((".py", ".qmd", ".Rmd", ".md"))


@pytest.mark.parametrize(
    ("text", "name", "meant", "is_one"),
    [
        ("x = 1\n", "helper.py", True, False),
        ("# Read me\n```python\nx = 1\n```\n", "README.md", False, False),
        ("# Read me\n```python\nx = 1\n```\n", "110.md", True, True),
        ("# Read me\n```bash\nls\n```\n", "110.md", True, False),
        ("# Notes\n", "notes.qmd", True, False),
        ("no JSON", "a.ipynb", False, True),
        (IN_VS_CODE, "a.ipynb", False, True),
        (IN_VS_CODE, "a.txt", True, False),
        ('{"cells": []}', "a.py", True, False),
    ],
)
def test_which_files_are_notebooks(text: str, name: str, meant: bool, is_one: bool) -> None:
    assert is_notebook(text.encode(), name, meant) is is_one


def test_a_script_under_jupyters_name_is_read_all_the_same() -> None:
    assert [one.source for one in cells(OF_NBCONVERT.encode(), "a.ipynb")] == ["x = 1", "y = 2"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("# %% [markdown]\n" + "# ```a\n" * 19_000, "a.py"),
        ("# %%\n" + "x\n" * 19_000, "a.py"),
        ("# %% " + "[" * 5_000 + "\nx = 1", "a.py"),
        ("# %% a=" + "(" * 5_000 + "\nx = 1", "a.py"),
        ('# %% {"a": ' + "[" * 100_000 + "}\nx = 1", "a.py"),
        ("# %%\n'''\n" * 2_000, "a.py"),
        ("# %%" + " " * 1_000_000 + "x", "a.py"),
        ("# ---\n" + "# a: &a [*a, *a]\n" * 100 + "# jupytext:\n# ---\n# %%\nx = 1", "a.py"),
        ("```{python " + ", a=(" * 20_000 + "}\nx = 1\n```\n", "a.qmd"),
        ("```{python}\n" * 19_000, "a.qmd"),
        ("<!-- #region -->\n" * 19_000 + "```python\nx = 1\n```\n", "a.md"),
        ("```\n" * 19_000 + "```python\nx\n```", "a.md"),
        ("~~~~" * 100_000 + "\n```{python}\nx = 1\n```\n", "a.qmd"),
        ("---\n" + "a: &a [*a]\n" * 1_000 + "---\n```{code-cell}\n:a: &a [1]\n:b: [*a, *a]\nx = 1\n```\n", "a.md"),
        ("> " * 20_000 + "\n```{code-cell}\nx = 1\n```\n", "a.md"),
        ("\n\n\n".join(["word"] * 6_000) + "\n```{python}\nx = 1\n```\n", "a.qmd"),
        ("[" * 100_000 + "\n```{code-cell}\nx = 1\n```\n", "a.md"),
        ("---\n" * 19_000 + "```{python}\nx = 1\n```\n", "a.qmd"),
        ("---\nexecute:\n" + " a: b\n" * 19_000 + "---\n```{python}\nx = 1\n```\n", "a.qmd"),
        ("#!coding\n" * 100 + "# %%\nx = 1\n", "a.py"),
        ("#!coding\n" * 100 + "x = 1\n", "a.py"),
        ("---\nexecute:\n" + "    a: b\n" * 1_000 + "---\n```{python}\nx = 1\n```\n", "a.qmd"),
        ("---\nexecute:\n" + "  " * 500_000 + "\n---\n```{python}\nx = 1\n```\n", "a.qmd"),
        ("# format_name:" * 100_000, "a.py"),
        ("`" * 1_000_000, "a.md"),
        ("```{python}" + " " * 1_000_000 + "x\nx = 1\n```\n", "a.qmd"),
    ],
    ids=range(26),
)
def test_whatever_the_text_is_it_is_read_or_refused(text: str, name: str) -> None:
    begun = time.process_time()
    with suppress(Unreadable):
        assert cells(text.encode(), name)
    assert time.process_time() - begun < 60  # a guard against what grows with the square
