// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-delivery/sluice/lab/internal/addon"
	"github.com/sluice-delivery/sluice/lab/internal/host"
	"github.com/sluice-delivery/sluice/lab/internal/image"
	"github.com/sluice-delivery/sluice/lab/internal/lab"
	"github.com/sluice-delivery/sluice/lab/internal/part"
	"github.com/sluice-delivery/sluice/lab/internal/remote"
	"github.com/sluice-delivery/sluice/lab/internal/state"
)

func images() *cobra.Command {
	cmd := &cobra.Command{Use: "image", Short: "Make images without a registry"}
	cmd.AddCommand(imageBuild(), imageLoad())
	return cmd
}

func imageFlags(cmd *cobra.Command) *image.Spec {
	var s image.Spec
	cmd.Flags().StringArrayVar(&s.Entrypoint, "entry", nil, "a word of the entrypoint; may be repeated (default: the first program)")
	cmd.Flags().StringVar(&s.WorkDir, "workdir", "/", "the directory in which the entrypoint starts")
	cmd.Flags().StringArrayVar(&s.Env, "env", nil, "KEY=VALUE for the environment; may be repeated")
	cmd.Flags().StringVar(&s.Tree, "tree", "", "a directory whose content is laid out at /")
	return &s
}

const aboutFiles = `Each PROGRAM is a file, put at / under its own name, or PATH=FILE to put it at PATH. The first is the
entrypoint. Programs that are linked dynamically take their libraries along.`

func imageBuild() *cobra.Command {
	cmd := &cobra.Command{
		Use: "build --output FILE --name NAME:TAG [PROGRAM…]", Short: "Make an image and store it as an archive",
		Long: aboutFiles, Args: cobra.ArbitraryArgs,
	}
	s := imageFlags(cmd)
	out := cmd.Flags().StringP("output", "o", "", "the archive to write")
	cmd.Flags().StringSliceVar(&s.Names, "name", nil, "the image's name with its tag; may be repeated")
	cobra.CheckErr(cmd.MarkFlagRequired("output"))
	cobra.CheckErr(cmd.MarkFlagRequired("name"))
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		for _, a := range args {
			s.Files = append(s.Files, image.ParseFile(a))
		}
		return image.Write(*out, *s)
	}
	return cmd
}

func imageLoad() *cobra.Command {
	cmd := &cobra.Command{
		Use: "load NAME:TAG PROGRAM…", Short: "Make an image and put it into a running lab",
		Long: aboutFiles, Args: cobra.MinimumNArgs(2),
	}
	dir, s := dirFlag(cmd), imageFlags(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		d, err := dir()
		if err != nil {
			return err
		}
		s.Names = args[:1]
		for _, a := range args[1:] {
			s.Files = append(s.Files, image.ParseFile(a))
		}
		return load(state.Lab{Dir: d}, *s)
	}
	return cmd
}

// load makes an image and imports it into the lab.
func load(l state.Lab, s image.Spec) error {
	client, err := enter(l.Dir)
	if err != nil {
		return err
	}
	r, err := l.Load()
	if err != nil {
		return err
	}
	if slices.Contains(r.Addons, addon.Kwok) {
		printer().Say("no image is needed: this lab marks pods ready without running them")
		return nil
	}
	work, err := os.MkdirTemp(l.Dir, "image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	archive := filepath.Join(work, "image.tar")
	if err := image.Write(archive, s); err != nil {
		return err
	}
	command, err := remote.Here("ctr", "--namespace", "k8s.io", "images", "import", archive)
	if err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	command.Dir, command.Files[0], command.Files[1] = "/", null, null
	return outcome(client.Run(command))
}

func parts() *cobra.Command {
	var names []string
	for _, p := range part.Catalog() {
		names = append(names, p.Name)
	}
	cmd := &cobra.Command{
		Use: "part [NAME…]", Short: "Build parts, or all of them, and print where their programs are",
		Long: "The parts are " + strings.Join(names, ", ") + ".",
	}
	prune := cmd.Flags().Bool("prune", false, "remove parts of other versions from the cache instead")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		root, err := part.DefaultRoot()
		if err != nil {
			return err
		}
		cache := part.NewCache(root, printer())
		if *prune {
			return cache.Prune()
		}
		if len(args) == 0 {
			args = names
		}
		return build(cache, args)
	}
	return cmd
}

func build(cache *part.Cache, names []string) error {
	chosen, unknown := part.Named(names...)
	if unknown != nil {
		return fmt.Errorf("there is no part %s; \"lab part --help\" names all", strings.Join(unknown, ", "))
	}
	ctx, done := interruptible()
	defer done()
	installed, err := cache.Ensure(ctx, chosen)
	if err != nil {
		return err
	}
	for _, p := range chosen {
		for _, program := range p.Programs {
			fmt.Println(installed[p.Name].Program(program.Names[0]))
		}
	}
	return nil
}

func doctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Tell whether labs can run on this machine, and what mends it", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			sound := true
			for _, check := range []struct {
				what string
				test func() error
			}{
				{"programs", func() error { return host.Need(host.Tools()) }},
				{"namespaces", lab.Probe},
			} {
				if err := check.test(); err != nil {
					sound = false
					fmt.Printf("%s: %v\n", check.what, err)
					continue
				}
				fmt.Printf("%s: fine\n", check.what)
			}
			if !sound {
				return exit(failure)
			}
			return nil
		},
	}
}
