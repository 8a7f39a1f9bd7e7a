package security

// Operation is an ACL operation with its wire value (SURFACE §1.4).
type Operation int8

// Operations that handlers ask for.
const (
	OpNone            Operation = 0 // the API needs no permission
	OpRead            Operation = 3
	OpWrite           Operation = 4
	OpCreate          Operation = 5
	OpDelete          Operation = 6
	OpAlter           Operation = 7
	OpDescribe        Operation = 8
	OpClusterAction   Operation = 9
	OpDescribeConfigs Operation = 10
	OpAlterConfigs    Operation = 11
	OpIdempotentWrite Operation = 12
)

// Resource is an ACL resource type with its wire value (SURFACE §1.4).
type Resource int8

// Resources that operations apply to.
const (
	ResourceNone            Resource = 0
	ResourceTopic           Resource = 2
	ResourceGroup           Resource = 3
	ResourceCluster         Resource = 4
	ResourceTransactionalID Resource = 5
)

// ClusterName is the only name of the cluster resource.
const ClusterName = "kafka-cluster"

// Authorizer answers whether a principal may do something. Implementations are safe for
// concurrent use, do not block and keep no reference to name.
type Authorizer interface {
	Allowed(p Principal, host string, op Operation, res Resource, name string) bool
}

// AllowAll is the authorizer of a broker without authorizer.class.name: everybody may do
// everything, as in Kafka.
type AllowAll struct{}

// Allowed is always true.
func (AllowAll) Allowed(Principal, string, Operation, Resource, string) bool { return true }
