// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package part builds the programs that a lab is made of, once, into a cache
// that all labs of a user share.
package part

import (
	"path/filepath"
	"strings"

	"github.com/sluice-delivery/sluice/lab/internal/host"
	"github.com/sluice-delivery/sluice/lab/internal/image"
)

// A Part is a set of programs that are built together.
type Part struct {
	// Name is the part's name, for example "containerd".
	Name string
	// Version is the version of what it is built from.
	Version string
	// Programs are what the part gives.
	Programs []Program
	// Trees are directories that come along beside the programs.
	Trees []Tree
	// Image is an image that holds the programs; nil for none. Its files are
	// relative to the part's directory.
	Image *image.Spec
	// Tools are the programs that the build needs on this machine.
	Tools []host.Tool
	// Ask has the arguments that make a program print its version, for those
	// that do not know "--version".
	Ask map[string][]string
	// Prints has the version that a program prints where it is not Version.
	Prints map[string]string

	maker maker
}

// A Program is one executable of a Part.
type Program struct {
	// Package is the Go package it is built from; empty if it is not.
	Package string
	// Names are the names it is started under. The first is the file's; where
	// there are more, the others are links and only they are started.
	Names []string
}

// started returns the names under which the program is started.
func (p Program) started() []string {
	if len(p.Names) > 1 {
		return p.Names[1:]
	}
	return p.Names
}

// A Tree is a directory of a Go module that a Part takes along.
type Tree struct {
	Module, From string
	To           string // relative to the part's directory
}

// program returns the Program that Go builds from pkg, under the name that Go
// gives it.
func program(pkg string) Program {
	return Program{Package: pkg, Names: []string{filepath.Base(pkg)}}
}

// String returns name and version as people write them.
func (p Part) String() string { return p.Name + " " + p.Version }

// prints returns the version that the program called name prints.
func (p Part) prints(name string) string {
	if v, ok := p.Prints[name]; ok {
		return v
	}
	return strings.TrimPrefix(p.Version, "v")
}

// ask returns the arguments that make the program called name print it.
func (p Part) ask(name string) []string {
	if args, ok := p.Ask[name]; ok {
		return args
	}
	return []string{"--version"}
}

// Installed says where a built Part is.
type Installed struct {
	Part
	Dir string
}

// Program returns the file of the program that is started under name.
func (i Installed) Program(name string) string { return filepath.Join(i.Dir, "bin", name) }

// Archive returns the file of the part's image; empty if it has none.
func (i Installed) Archive() string {
	if i.Image == nil {
		return ""
	}
	return filepath.Join(i.Dir, archive)
}

// archive is the name of the image's file in a part's directory.
const archive = "image.tar"
