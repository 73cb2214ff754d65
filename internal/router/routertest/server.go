// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package routertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-delivery/sluice/internal/router"
)

// A Server keeps objects in memory and treats edits as an API server does: it
// counts resourceVersion and generation, fills in defaults, and refuses patches
// that do not apply. It may be used concurrently.
type Server struct {
	// Admit changes an object before it is stored, as the defaults of a schema
	// do, or refuses it. Optional.
	Admit func(object map[string]any) error

	mu      sync.Mutex
	objects map[string]stored
	version int
}

type stored struct {
	kind reflect.Type
	json []byte
}

func key(obj client.Object) string {
	return fmt.Sprintf("%T %s", obj, client.ObjectKeyFromObject(obj))
}

// Apply carries out edits with the errors of router.Apply.
func (s *Server) Apply(edits []router.Edit) error {
	for _, e := range edits {
		if err := s.apply(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) apply(e router.Edit) error {
	if e.Create != nil {
		_, err := s.Create(e.Create)
		return kind(err)
	}
	_, err := s.Patch(e.Object, e.Patch)
	if err = kind(err); !errors.Is(err, router.ErrInvalid) || e.Fallback == nil {
		return err
	}
	_, fallback := s.Patch(e.Object, e.Fallback)
	return errors.Join(err, kind(fallback))
}

func kind(err error) error {
	var status *apierrors.StatusError
	switch {
	case !errors.As(err, &status):
		return err
	case apierrors.IsInvalid(err) && status.ErrStatus.Details.Kind != "":
		return fmt.Errorf("%w: %w", router.ErrInvalid, err)
	}
	return fmt.Errorf("%w: %w", router.ErrConflict, err)
}

// Create stores obj and returns it as it is stored.
func (s *Server) Create(obj client.Object) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[key(obj)]; ok {
		return nil, apierrors.NewAlreadyExists(schema.GroupResource{}, obj.GetName())
	}
	text, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	return s.store(key(obj), stored{kind: reflect.TypeOf(obj).Elem()}, text)
}

// Patch applies a JSON patch to the object that has obj's type and name, and
// returns the result.
func (s *Server) Patch(obj client.Object, patch []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.objects[key(obj)]
	if !ok {
		return nil, apierrors.NewNotFound(schema.GroupResource{}, obj.GetName())
	}
	p, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	text, err := p.Apply(old.json)
	if err != nil {
		return nil, apierrors.NewGenericServerResponse(422, "", schema.GroupResource{}, "", err.Error(), 0, false)
	}
	return s.store(key(obj), old, text)
}

// Update lets somebody else change the object that has obj's type and name.
func (s *Server) Update(obj client.Object, change func(client.Object)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.objects[key(obj)]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{}, obj.GetName())
	}
	next := old.object()
	change(next)
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	_, err = s.store(key(obj), old, text)
	return err
}

// Found returns those of objects that exist.
func (s *Server) Found(objects []client.Object) []client.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []client.Object
	for _, obj := range objects {
		if old, ok := s.objects[key(obj)]; ok {
			found = append(found, old.object())
		}
	}
	return found
}

func (s stored) object() client.Object {
	obj := reflect.New(s.kind).Interface().(client.Object)
	if err := json.Unmarshal(s.json, obj); err != nil {
		panic(err) // it came from such an object
	}
	return obj
}

// store keeps text in place of old, which is empty for a new object.
func (s *Server) store(name string, old stored, text []byte) ([]byte, error) {
	var next, was map[string]any
	if err := json.Unmarshal(text, &next); err != nil {
		return nil, err
	}
	if s.Admit != nil {
		if err := s.Admit(next); err != nil {
			why := field.InternalError(nil, err)
			return nil, apierrors.NewInvalid(schema.GroupKind{Kind: old.kind.Name()}, name, field.ErrorList{why})
		}
	}
	meta := next["metadata"].(map[string]any)
	s.version++
	meta["resourceVersion"] = strconv.Itoa(s.version)
	if old.json == nil {
		meta["uid"] = "uid-" + strconv.Itoa(s.version)
		meta["generation"] = 1
	} else if err := json.Unmarshal(old.json, &was); err != nil {
		return nil, err
	} else {
		meta["generation"] = generation(was, next)
	}
	text, err := json.Marshal(next)
	if err != nil {
		return nil, err
	}
	objects := maps.Clone(s.objects)
	if objects == nil {
		objects = map[string]stored{}
	}
	objects[name] = stored{kind: old.kind, json: text}
	s.objects = objects
	return text, nil
}

// generation counts the changes of everything but metadata and status.
func generation(was, next map[string]any) float64 {
	g, _ := was["metadata"].(map[string]any)["generation"].(float64)
	keys := slices.Concat(slices.Collect(maps.Keys(was)), slices.Collect(maps.Keys(next)))
	for _, k := range keys {
		if k != "metadata" && k != "status" && !reflect.DeepEqual(was[k], next[k]) {
			return g + 1
		}
	}
	return g
}
