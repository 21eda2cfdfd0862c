// Package routing decides who gets a conversation: rules choose its team, and a plan gives the conversations of a team's line to the
// team's agents. It is pure: the same facts give the same answer, whatever their order.
//
//	offload ── Rules.Choose ──▶ team, skills, priority, tags ── Plan ──▶ agent
package routing
