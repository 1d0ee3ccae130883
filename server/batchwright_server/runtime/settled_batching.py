"""What a configured batching means for one model, once its inputs are known."""

from batchwright_server.config.batching import Batching
from batchwright_server.config.plan import Strategy
from batchwright_server.core.tensors import ANY, Signature


def settle(batching: Batching, signature: Signature) -> Batching:
    """`batching` for this model: its own batch size is any size where it was saved open."""
    is_own_size = batching.strategy is Strategy.FIXED and batching.fixed.batch_size is None
    if is_own_size and signature.has_open_batch:
        return batching.model_copy(update={"strategy": Strategy.DYNAMIC})
    return batching


def batch_dimension(batching: Batching, signature: Signature) -> int:
    """The batch size that clients of a model batched like this must send; ANY if it is free."""
    if settle(batching, signature).strategy is not Strategy.FIXED:
        return ANY
    return batching.fixed.batch_size or signature.saved_batch_size


def strategy_part(batching: Batching) -> tuple[object, ...]:
    """What of a batching the strategy was built from: with the same, the strategy goes on."""
    blocks = {
        Strategy.RELOAD: (batching.reload,),
        Strategy.FIXED: (batching.fixed,),
        Strategy.DYNAMIC: (batching.dynamic, batching.coalesce),
        Strategy.BUCKETS: (batching.buckets, batching.coalesce),
        Strategy.DEMULTIPLEX: (batching.coalesce,),
    }
    return batching.plan, blocks[batching.strategy]
