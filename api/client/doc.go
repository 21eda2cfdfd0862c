// Package client calls the API from Go.
//
// [New] makes a [Client]. Every operation of the OpenAPI document is a method of it, named by its operationId: claim-conversation is
// ClaimConversationWithResponse, whose JSON200 is the conversation. A refusal is an [*Error], with the problem document: decide by its
// Code. Requests are repeated while the server is busy or cannot be reached, and have one effect all the same.
//
// client.gen.go is made from api/openapi.yaml by `make generate`.
package client
