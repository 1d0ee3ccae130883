"""Which outputs may share memory with an input.

OpenVINO lets an output that is an input, only moved or reshaped, use the input's own memory. Given a
place of its own, such an output is never written, and other outputs of the same input go wrong as well.
"""

import openvino as ov

# Operations that move data without computing any; what they give may be the memory they were given.
_MOVING = frozenset(
    {
        "Broadcast",
        "Concat",
        "Convert",
        "Gather",
        "Identity",
        "Pad",
        "Reshape",
        "Result",
        "ShuffleChannels",
        "Slice",
        "Split",
        "Squeeze",
        "StridedSlice",
        "Tile",
        "Transpose",
        "Unsqueeze",
        "VariadicSplit",
    }
)


def find_aliases(model: ov.Model) -> frozenset[int]:
    """The indices of the outputs that must be copied from where OpenVINO puts them."""
    results = enumerate(model.get_results())
    return frozenset(index for index, result in results if _is_moved_input(result))


def _is_moved_input(node: ov.Node) -> bool:
    """Whether a way leads from `node` to a parameter over moving operations alone."""
    seen: set[str] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if current.get_type_name() == "Parameter":
            return True
        if current.get_type_name() in _MOVING and current.get_name() not in seen:
            seen.add(current.get_name())
            waiting += [source.get_source_output().get_node() for source in current.inputs()]
    return False
