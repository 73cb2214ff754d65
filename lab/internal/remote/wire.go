// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package remote lets processes outside a lab start commands and open
// connections inside. Go programs cannot enter the namespaces of another
// process, so a server inside does it for them: a client sends it the files
// for a command's input and output over a unix socket, or gets an open
// connection back.
package remote

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// request is what a client sends first. Either Args or Dial is set.
type request struct {
	Args     []string `json:"args,omitempty"` // run this, with the three files sent along
	Env      []string `json:"env,omitempty"`
	Dir      string   `json:"dir,omitempty"`
	Terminal bool     `json:"terminal,omitempty"` // the files are a terminal of the command's own
	Dial     string   `json:"dial,omitempty"`     // connect to this TCP address, and send the connection
}

// note is what a client may send afterwards: a signal for the command.
type note struct {
	Signal int `json:"signal"`
}

// reply is what the server sends, once.
type reply struct {
	Code  int    `json:"code"`            // the command's exit code
	Error string `json:"error,omitempty"` // why there was none
}

// send sends v, and with it files. The files stay open here.
func send(c *net.UnixConn, v any, files ...*os.File) error {
	var rights []byte
	if len(files) > 0 {
		var fds []int
		for _, f := range files {
			fds = append(fds, int(f.Fd()))
		}
		rights = unix.UnixRights(fds...)
	}
	if _, _, err := c.WriteMsgUnix([]byte{'\n'}, rights, nil); err != nil {
		return err
	}
	return json.NewEncoder(c).Encode(v)
}

// receive reads what send sent. The decoder reads what follows.
func receive(c *net.UnixConn, v any) ([]*os.File, *json.Decoder, error) {
	first, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4*4))
	_, n, _, _, err := c.ReadMsgUnix(first, rights)
	if err != nil {
		return nil, nil, err
	}
	files, err := unpack(rights[:n])
	if err != nil {
		return nil, nil, err
	}
	d := json.NewDecoder(c)
	if err := d.Decode(v); err != nil {
		closeAll(files)
		return nil, nil, err
	}
	return files, d, nil
}

func unpack(rights []byte) (files []*os.File, err error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, fmt.Errorf("read the files that came along: %w", err)
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return nil, fmt.Errorf("read the files that came along: %w", err)
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// short returns a path for the socket that is short enough for the kernel,
// which takes 107 bytes, however long path is.
func short(path string) (string, *os.File, error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), dir, nil
}
