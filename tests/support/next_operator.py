"""The operator of a release to come, which knows one more pod template: started like `batchwright`."""

from batchwright_operator.cli.group import batchwright
from tests.support.template_revisions import NEXT

if __name__ == "__main__":
    batchwright(obj=NEXT)
