package main

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/spf13/cobra"

	"keyfob/internal/table/dynamo"
	"keyfob/internal/template"
)

// createTable makes the table in a DynamoDB Local, so that functions run by sam local find what a deployment has.
func createTable() *cobra.Command {
	var endpoint, name, definition string
	c := &cobra.Command{
		Use:   "create",
		Short: "Make the table in a DynamoDB Local, from the definition that is deployed",
		Long: "Make the table in a DynamoDB Local, from the definition that is deployed.\n\n" +
			"On AWS the table comes with sam deploy. This is for sam local invoke. A table of the name that is there\nalready is left alone.",
		Example: "  keyfob operator table create --endpoint http://127.0.0.1:8000 --name keyfob-local",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := template.Load(definition, template.Options{Parameters: map[string]string{"TableName": name}})
			if err != nil {
				return err
			}
			properties, err := t.Properties("Table")
			if err != nil {
				return err
			}
			d, err := dynamo.Define(properties)
			if err != nil {
				return err
			}
			if err := d.Create(cmd.Context(), dynamoDBLocal(endpoint), name); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "table %s is ready at %s\n", name, endpoint)
			return err
		},
	}
	c.Flags().StringVar(&endpoint, "endpoint", "http://127.0.0.1:8000", "where DynamoDB Local listens")
	c.Flags().StringVar(&name, "name", "keyfob-local", "the table's name, as in events/env.json")
	c.Flags().StringVar(&definition, "definition", "infra/table.yaml", "the CloudFormation template that defines it")
	return c
}

// dynamoDBLocal is a client of a DynamoDB Local, which takes any credentials and computes no checksums.
func dynamoDBLocal(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: localRegion, BaseEndpoint: &endpoint, DisableValidateResponseChecksum: true, RetryMaxAttempts: 2, Credentials: anybody,
	})
}
