package main

import "github.com/spf13/cobra"

// commands are the constructors of all commands, in the order of the help text.
var commands = []func() *cobra.Command{
	newDemoCommand,
	newDoctorCommand,
	newPlanCommand,
	newRunCommand,
	newRetokenCommand,
	newStatusCommand,
	newResetCommand,
	newRepairCommand,
	newAuditCommand,
	newDeadCommand,
	newShardsCommand,
	newGCCommand,
	newMixCommand,
	newTrainCommand,
	newImageCommand,
	newTextCommand,
	newMaskCommand,
	newScenesCommand,
}
