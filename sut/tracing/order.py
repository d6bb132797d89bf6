"""Which operators of a file the kernels of a runtime compute, told by order and kind."""

from collections.abc import Collection, Sequence


def matched(kernels: Sequence[Collection[str]], operators: Sequence[str]) -> list[int | None]:
    """The place of the operator that each kernel computes; None for one of the runtime's own.

    It is the longest common subsequence, for runtimes that keep the order, fold some operators
    into others and put kernels of their own between them.

    Args:
        kernels: The operators that each kernel may compute, in the order in which they ran.
        operators: Those of the file, in its order.
    """
    rows, columns = len(kernels), len(operators)
    longest = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row in range(rows - 1, -1, -1):
        for column in range(columns - 1, -1, -1):
            longest[row][column] = (
                longest[row + 1][column + 1] + 1
                if operators[column] in kernels[row]
                else max(longest[row + 1][column], longest[row][column + 1])
            )
    found: list[int | None] = [None] * rows
    row = column = 0
    while row < rows and column < columns:
        if operators[column] in kernels[row]:
            found[row] = column
            row, column = row + 1, column + 1
        elif longest[row + 1][column] >= longest[row][column + 1]:
            row += 1
        else:
            column += 1
    return found
