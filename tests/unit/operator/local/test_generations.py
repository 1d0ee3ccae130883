"""Which edit of an object it is."""

from batchwright_operator.local.generations import with_generations
from tests.support.modelservers import make_server
from tests.support.pipelines import make_pipeline


def test_only_what_was_edited_is_counted() -> None:
    """A Pipeline's edit is not one of its ModelServer, nor of its siblings, nor the other way round."""
    before = make_server().with_pipelines((make_pipeline("a"), make_pipeline("b")))

    edited = (make_pipeline("a"), make_pipeline("b", demultiplyCount=2), make_pipeline("c"))
    one = with_generations(make_server().with_pipelines(edited), before)
    two = with_generations(make_server(replicas=2).with_pipelines(edited), one)

    assert one.metadata.generation == 1
    assert two.metadata.generation == 2
    for server in (one, two):
        assert [item.metadata.generation for item in server.pipelines] == [1, 2, 1]


def test_the_same_again_is_no_edit() -> None:
    """Files that are saved unchanged give the object that is there."""
    before = make_server().with_pipelines((make_pipeline(),)).with_generation(7)

    assert with_generations(make_server().with_pipelines((make_pipeline(),)), before) == before
