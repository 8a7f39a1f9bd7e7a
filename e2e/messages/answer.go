package messages

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	keyApiVersions     = 18
	unknownServerError = -1
)

// checkAnswer reads an answer, without its length and correlation id, and says what is wrong with it.
func checkAnswer(key, version int16, body []byte) error {
	resp := kmsg.ResponseForKey(key)
	resp.SetVersion(version)
	if resp.IsFlexible() && key != keyApiVersions {
		if len(body) == 0 || body[0] != 0 {
			return fmt.Errorf("the answer's header has tagged fields: %x", body)
		}
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		return fmt.Errorf("the answer cannot be read: %w", err)
	}
	return unknownErrors(reflect.ValueOf(resp).Elem(), key)
}

// unknownErrors looks for a field ErrorCode with UNKNOWN_SERVER_ERROR.
func unknownErrors(v reflect.Value, key int16) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return unknownErrors(v.Elem(), key)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := unknownErrors(v.Index(i), key); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "ErrorCode" && v.Field(i).Kind() == reflect.Int16 && v.Field(i).Int() == unknownServerError {
				return errors.New("UNKNOWN_SERVER_ERROR")
			}
			if err := unknownErrors(v.Field(i), key); err != nil {
				return err
			}
		}
	}
	return nil
}
