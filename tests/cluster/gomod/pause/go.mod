// What holds a pod's namespaces open on the tests' node.
module batchwright.dev/tests/cluster/pause

go 1.26.0
