# sam build calls build-<LogicalId> for each function, with ARTIFACTS_DIR set to where its bootstrap belongs.
#
# SAM does not tell a Makefile what the template says about the architecture (aws/aws-sam-cli issue 3349), but it hands
# its environment on. So whoever deploys for x86_64, or runs sam local on such a machine, says it twice:
#
#	ARCHITECTURE=x86_64 sam build --parameter-overrides Architecture=x86_64
#
# LoginFunction is made from functions/login, and so on; AuthorizerFunction from authorizer.

ARCHITECTURE ?= arm64

goarch_arm64  := arm64
goarch_x86_64 := amd64
goarch        := $(goarch_$(ARCHITECTURE))

folder = functions/$(shell printf %s '$*' | tr '[:upper:]' '[:lower:]')
build-AuthorizerFunction: folder = authorizer

build-%Function:
	$(if $(goarch),,$(error ARCHITECTURE is arm64 or x86_64, not $(ARCHITECTURE)))
	$(if $(ARTIFACTS_DIR),,$(error ARTIFACTS_DIR is not set: run sam build))
	CGO_ENABLED=0 GOOS=linux GOARCH=$(goarch) \
		go build -trimpath -tags lambda.norpc -ldflags '-s -w' -o '$(ARTIFACTS_DIR)/bootstrap' ./$(folder)
